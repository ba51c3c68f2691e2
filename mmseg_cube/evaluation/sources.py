"""What scores are scores of: datasets, splits, protocols, or parts of them."""

from collections.abc import Iterable, Mapping

SEPARATORS = dict(dataset=' + ', split='+', protocol=' + ', part=', ')


def merge_sources(sources: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Name what images of several datasets and splits are together.

    A source has ``dataset``, ``split`` and ``protocol``, as far as they are
    known, and ``part`` if it is not all of the split. A part does not count
    as the protocol: scores of it are those of other images.
    """
    found = {key: {} for key in SEPARATORS}  # names in their order
    for source in sources:
        for split in source.get('split', '').split('+'):
            found['split'][split] = None
        for key in ('dataset', 'protocol'):
            found[key][source.get(key)] = None
        if source.get('part'):
            part = f'{source["part"]} of {source.get("dataset")}'
            found['part'][part] = None
    merged = {
        key: separator.join(filter(None, found[key]))
        for key, separator in SEPARATORS.items()
        if any(found[key])
    }
    if 'part' in merged and 'protocol' in merged:
        merged['part'] += f', not the protocol "{merged.pop("protocol")}"'
    return merged
