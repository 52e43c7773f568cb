"""What a proof of Sitthi's access log says, checked by whoever holds it: no part of this is ours to trust.

Each function raises if it is not so. `keys` are those of /.well-known/attestation-keys.json.
"""

import hashlib

from head import opened


def included(record, inclusion, keys):
    """The record stands in the tree of that head."""
    size, root = opened(inclusion["head"], keys)
    committed = sha(bytes.fromhex(record["salt"]), record["document"].encode())
    leaf = sha(b"\0", bytes.fromhex(record["id"]), record["time"].to_bytes(8, "big"), committed)
    must(0 <= inclusion["leafIndex"] < size == inclusion["treeSize"], "no such leaf")
    must(climb(inclusion["leafIndex"], size - 1, inclusion["path"], [leaf]) == [root], "another tree")


def consistent(old, new, path, keys):
    """The tree of the new head begins with the whole tree of the old one."""
    (first, first_root), (second, second_root) = opened(old, keys), opened(new, keys)
    if first == second:
        return must(first_root == second_root and not path, "history was changed")
    at, last, path = first - 1, second - 1, list(path)
    while at % 2:
        at, last = at // 2, last // 2
    start = bytes.fromhex(path.pop(0)) if at else first_root
    must(climb(at, last, path, [start, start]) == [first_root, second_root], "history was changed")


def climb(at, last, path, made):
    """RFC 9162 §2.1.3.2 and §2.1.4.2: up the tree, to the root; the last of `made` takes every step."""
    for step in map(bytes.fromhex, path):
        must(last > 0, "the path is too long")
        if at % 2 or at == last:
            made = [sha(b"\1", step, one) for one in made]
            while at and not at % 2:
                at, last = at // 2, last // 2
        else:
            made = [*made[:-1], sha(b"\1", made[-1], step)]
        at, last = at // 2, last // 2
    must(last == 0, "the path is too short")
    return made


def must(holds, otherwise):
    if not holds:
        raise ValueError(otherwise)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()
