from .building_metric import BuildingMetric

__all__ = ['BuildingMetric']
