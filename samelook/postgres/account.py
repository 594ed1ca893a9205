"""Whom the embedded Postgres runs as. Postgres refuses to be root, so root lends it an account.

An ordinary user runs it as himself. For root it runs under a user id that no account has, so that
nothing else on the machine shares its files, and nobody has to be added to /etc/passwd. Only
initdb insists on an account with a name: as `nobody` it works in a folder of its own under /tmp,
and the result is moved.

That user has to reach the data and the programs, which may lie under a closed folder such as /root.
An access control entry lets this one user id pass through (`--x`) each closed folder on the way;
nobody else gains anything. Where the file system keeps no such entries, the folder is opened to
passing through for all (`o+x`), and the log says so.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from samelook.sql.errors import DatabaseError

_log = structlog.get_logger(__name__)

# User ids that neither distributions nor systemd give away, and that exist in a container with
# 65,536 of them: https://systemd.io/UIDS-GIDS/ lists 60578…61183 as unused.
_FREE_IDS = range(60900, 61184)

# acl(5) as Linux stores it in an extended attribute: a version, then (tag, permissions, id).
_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.pack("<I", 2)
_ACL_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_READ, _SEARCH = 4, 1


class AccountUnavailable(DatabaseError):
    """Postgres cannot run as this user, and no other account can be used."""

    kind = "account_unavailable"


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group id to run a program as; None when it is our own."""

    uid: int
    gid: int

    @property
    def arguments(self) -> dict[str, Any]:
        """What `subprocess` has to be told to run a program as this account."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account(data: Path) -> Account:
    """The account that the server runs as: ourselves; for root, the folder's owner or a free one."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    for folder in (data, data.parent):
        if folder.exists() and folder.stat().st_uid != 0:
            return Account(folder.stat().st_uid, folder.stat().st_gid)
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    free = next((uid for uid in _FREE_IDS if uid not in taken), None)
    if free is None:
        raise AccountUnavailable("Postgres refuses to run as root, and no free user id is left for it.")
    return Account(free, free)


def account_with_a_name(server: Account) -> Account:
    """The account that initdb runs as: the server's if it has a name, else `nobody`."""
    try:
        pwd.getpwuid(server.uid)
    except KeyError:
        if os.geteuid() != 0:
            raise AccountUnavailable(
                f"User id {server.uid} has no name on this machine (no line in /etc/passwd), which Postgres "
                "needs. Add one, run as another user, or set SAMELOOK_DATABASE_URL."
            ) from None
    else:
        return server
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise AccountUnavailable(
            "Postgres refuses to run as root, and there is no account `nobody` to set its files up. "
            "Run as another user, or set SAMELOOK_DATABASE_URL."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def give(folder: Path, account: Account) -> None:
    """Make everything in the folder, and the folder, the account's."""
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), account.uid, account.gid, follow_symlinks=False)
    os.chown(folder, account.uid, account.gid, follow_symlinks=False)


def let_reach(account: Account, *, folders: Iterable[Path], programs: Iterable[Path]) -> None:
    """Let the account pass to the folders and read the trees of programs."""
    trees = list(programs)
    for path, permissions in closed_to(account, folders=[*folders, *trees], programs=trees).items():
        with _edited(path):
            _allow(path, account, permissions)


def closed_to(
    account: Account, *, folders: Iterable[Path] = (), programs: Iterable[Path] = ()
) -> dict[Path, int]:
    """What the account may not pass through or read on its way there, with the permissions it lacks."""
    if os.geteuid() != 0:
        return {}
    wanted: dict[Path, int] = {}
    trees = list(programs)
    for folder in (*folders, *trees):
        for parent in (folder, *folder.parents):
            wanted[parent] = _SEARCH
    for tree in trees:
        for folder_name, _, files in os.walk(tree):
            wanted[Path(folder_name)] = _READ | _SEARCH
            for name in files:
                path = Path(folder_name, name)
                wanted[path] = _READ | (_SEARCH if path.stat().st_mode & stat.S_IXUSR else 0)
    return {
        path: permissions for path, permissions in wanted.items() if not _permits(path, account, permissions)
    }


def _permits(path: Path, account: Account, permissions: int) -> bool:
    if path.stat().st_uid == account.uid:
        return True
    entries = _entries(path)
    other = next(perm for tag, perm, _ in entries if tag == _OTHER)
    mine = next((perm for tag, perm, who in entries if tag == _USER and who == account.uid), None)
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), 7)
    return (other if mine is None else mine & mask) & permissions == permissions


def _allow(path: Path, account: Account, permissions: int) -> None:
    entries = _entries(path)
    mine = next((perm for tag, perm, who in entries if tag == _USER and who == account.uid), 0)
    granted = [entry for entry in entries if (entry[0], entry[2]) != (_USER, account.uid)]
    granted.append((_USER, mine | permissions, account.uid))
    try:
        _set_entries(path, granted)
    except OSError:
        path.chmod(stat.S_IMODE(path.stat().st_mode) | permissions)
        _log.warning("postgres.folder_opened", path=str(path), mode=oct(stat.S_IMODE(path.stat().st_mode)))


@contextmanager
def _edited(path: Path) -> Iterator[None]:
    """Hold others off while the entries of a path are read and written back."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _entries(path: Path) -> list[tuple[int, int, int]]:
    """The access control list, or the three entries that the mode amounts to."""
    try:
        raw = os.getxattr(path, _ACL)
    except (OSError, AttributeError):  # none set, or a system without them
        mode = path.stat().st_mode
        return [
            (_USER_OBJ, mode >> 6 & 7, _NO_ID),
            (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
            (_OTHER, mode & 7, _NO_ID),
        ]
    return list(_ACL_ENTRY.iter_unpack(raw[len(_ACL_VERSION) :]))


def _set_entries(path: Path, entries: list[tuple[int, int, int]]) -> None:
    if not hasattr(os, "setxattr"):
        raise OSError("this system keeps no such entries")
    named = [entry for entry in entries if entry[0] not in {_USER_OBJ, _OTHER, _MASK}]
    kept = [entry for entry in entries if entry[0] != _MASK]
    if len(kept) > 3:  # noqa: PLR2004 -- more than owner, group and others: a mask is needed
        # The mask bounds what named users and groups get; it must not take away what they had.
        mask = 0
        for _, permissions, _ in named:
            mask |= permissions
        kept.append((_MASK, mask, _NO_ID))
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    os.setxattr(path, _ACL, _ACL_VERSION + b"".join(_ACL_ENTRY.pack(*entry) for entry in kept))
