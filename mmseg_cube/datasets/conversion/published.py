"""Published numbers of tiles and patches."""

from collections.abc import Mapping

# Satellite set II keeps tiles without buildings apart; both halves count.
WHU = {
    'the aerial set': dict(train=4736, val=1036, test=2416),
    'satellite set II': dict(train=3135 + 10527, test=903 + 2823),
}
WBD = {'WBD': dict(val=6887)}
INRIA_TILES = {'the tiles': dict(train=155, val=25, test=180)}
INRIA_PATCHES = {
    'buildformer': {'buildformer': dict(train=9737, val=1942)},
    'full': {'full': dict(train=15500, val=2500, test=18000)},
}
PATCH_SIZE = 512  # of the patches that were counted


def compare(
    counts: Mapping[str, int], dataset: str | None, manifest: Mapping
) -> list[str]:
    """Word how the tiles per split differ from what was published.

    Args:
        counts: Tiles per split.
        dataset: ``inria``, ``whu``, ``wbd`` or None.
        manifest: Settings of the conversion that made the data, if any.

    Returns:
        One line of text per split that differs. Of several published sets,
        the likeliest one is compared, those of the same splits first.
    """
    known = {'inria': INRIA_TILES, 'whu': WHU, 'wbd': WBD}.get(dataset, {})
    if dataset == 'inria' and 'protocol' in manifest:
        size = manifest.get('size'), manifest.get('stride')
        known = INRIA_PATCHES.get(manifest['protocol'], {})
        known = known if size == (PATCH_SIZE, PATCH_SIZE) else {}
    texts = {
        name: [
            f'{split}: {counts.get(split, 0):,} tiles, published for {name}: '
            f'{number:,}'
            for split, number in numbers.items()
            if counts.get(split, 0) != number
        ]
        for name, numbers in known.items()
    }

    def distance(name: str) -> tuple[bool, int]:
        return set(known[name]) != set(counts), len(texts[name])

    return texts[min(texts, key=distance)] if texts else []
