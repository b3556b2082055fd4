"""Run by a Python of its own, before a command: gives away all rights but those in its first argument, then becomes it.

Knows nothing of Plait, and imports one package from the directory that it is told.
"""

import json
import os
import sys
from typing import Any


def main() -> None:
    rules = json.loads(sys.argv[1])
    sys.path.append(rules["package"])
    # Only here: the package lies where it was just told to be.
    from landlockpy import AccessFS, AccessNet, Ruleset, Scope, fs_for_abi

    reading = AccessFS.READ_FILE | AccessFS.READ_DIR | AccessFS.EXECUTE
    everything = fs_for_abi(11)
    net = AccessNet.NONE if rules["network"] else AccessNet.BIND_TCP | AccessNet.CONNECT_TCP
    if not rules["network"]:
        net |= AccessNet.BIND_UDP | AccessNet.CONNECT_SEND_UDP
    with Ruleset(handled_net=net, scoped=Scope.ABSTRACT_UNIX_SOCKET | Scope.SIGNAL) as ruleset:
        for names, access in (("list", AccessFS.READ_DIR), ("read", reading), ("write", everything)):
            for path in rules[names]:
                allow(ruleset, path, access, everything)
        ruleset.restrict()
    os.execv(sys.argv[2], sys.argv[2:])


def allow(ruleset: Any, path: str, access: Any, everything: Any) -> None:
    from landlockpy import AccessFS

    directory_only = (
        AccessFS.READ_DIR | AccessFS.REMOVE_DIR | AccessFS.REMOVE_FILE | AccessFS.MAKE_CHAR | AccessFS.MAKE_DIR
        | AccessFS.MAKE_REG | AccessFS.MAKE_SOCK | AccessFS.MAKE_FIFO | AccessFS.MAKE_BLOCK | AccessFS.MAKE_SYM
        | AccessFS.REFER
    )  # fmt: skip
    try:
        if not os.path.isdir(path):
            access &= everything & ~directory_only
        ruleset.allow_path(path, access)
    except OSError:
        # It went meanwhile: what is not there needs no right.
        pass


if __name__ == "__main__":
    main()
