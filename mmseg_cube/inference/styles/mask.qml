<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.16" styleCategories="Symbology">
  <pipe>
    <rasterrenderer type="paletted" band="1" opacity="1" alphaBand="-1">
      <colorPalette>
        <paletteEntry value="0" label="ground" color="#000000" alpha="0"/>
        <paletteEntry value="1" label="building" color="#e63c28" alpha="255"/>
      </colorPalette>
    </rasterrenderer>
  </pipe>
</qgis>
