from __future__ import annotations

import json
import os
import sys
import tempfile
import unittest
from base64 import b64encode
from pathlib import Path
from unittest import mock

from trestle_runtime.encryption import KEK, CommandKEK, EnvKEK, FileKEK, KEKError
from trestle_runtime.errors import DeniedError, KEKDestroyedError, NotWrappedError, UnknownKEKError

SECRET, CONTEXT = b"MARKER" * 5 + b"MA", b"context"
KEY = b64encode(SECRET).decode()
OTHER = b64encode(bytes(32)).decode()
TEXT = f"# keys\n\n2025 {OTHER}\n  2026\t{KEY}  \r\n"

# A KEK's program, whose first argument says how it behaves.
PROGRAM = """
import base64, json, sys, time
request = json.loads(sys.stdin.readline())
data = base64.b64decode(request["data"])
context = base64.b64decode(request["context"])
answer = {
    "right": {"name": "k1", "data": base64.b64encode(data[::-1]).decode()},
    "denied": {"error": "not you", "denied": True},
    "destroyed": {"error": "gone", "reason": "destroyed"},
    "unknown": {"error": "which?", "reason": "unknown_kek"},
    "broken": {"error": "changed", "reason": "broken"},
    "away": {"error": "no route"},
    "empty": {},
}.get(sys.argv[1])
if sys.argv[1] == "right" and (request["op"], request["name"], context) not in (("wrap", "", b"context"), ("unwrap", "k1", b"context")):
    sys.exit("asked for " + repr(request))
if sys.argv[1] == "slow":
    time.sleep(60)
if answer is None:
    print("MARKER")
    sys.exit("it fell over")
print(json.dumps(answer))
"""


def said(error: BaseException | None) -> str:
    """All that an error and those behind it have."""
    out = ""
    while error is not None:
        out += f"{error} {error!r} {vars(error)}"
        error = error.__context__
    return out


class TestKEK(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name) / "k{e}k"
        self.write(TEXT)

    def write(self, text: str, rights: int = 0o600) -> None:
        self.path.touch()
        self.path.chmod(0o600)
        self.path.write_text(text)
        self.path.chmod(rights)

    def check(self, kek: KEK) -> None:
        name, wrapped = kek.wrap(SECRET, CONTEXT)
        self.assertEqual(name, "2026")
        self.assertEqual(kek.unwrap(name, wrapped, CONTEXT), SECRET)
        for changed in (wrapped[:-1] + bytes([wrapped[-1] ^ 1]), wrapped[:11], b""):
            with self.assertRaises(NotWrappedError):
                kek.unwrap(name, changed, CONTEXT)
        with self.assertRaises(NotWrappedError):
            kek.unwrap("2025", wrapped, CONTEXT)
        with self.assertRaises(NotWrappedError):
            kek.unwrap(name, wrapped, b"another")
        with self.assertRaises(UnknownKEKError) as raised:
            kek.unwrap("2024", wrapped, CONTEXT)
        self.assertNotIn(KEY, said(raised.exception) + repr(kek))

    def test_file(self) -> None:
        kek = FileKEK(self.path)
        self.check(kek)
        _, wrapped = kek.wrap(SECRET, CONTEXT)
        self.write(TEXT + f"2027 {OTHER}")
        self.assertEqual(kek.wrap(SECRET, CONTEXT)[0], "2027")
        self.assertEqual(kek.unwrap("2026", wrapped, CONTEXT), SECRET)

    def test_rights(self) -> None:
        for rights in (0o600, 0o400, 0o640, 0o700):
            self.write(TEXT, rights)
            FileKEK(self.path).wrap(SECRET, CONTEXT)
        for rights in (0o644, 0o660, 0o602, 0o604):
            self.write(TEXT, rights)
            with self.assertRaisesRegex(KEKError, "chmod 600"):
                FileKEK(self.path).wrap(SECRET, CONTEXT)

    def test_env(self) -> None:
        kek = EnvKEK("TRESTLE_TEST_KEK")
        with mock.patch.dict(os.environ, {"TRESTLE_TEST_KEK": TEXT}):
            self.check(kek)
        with mock.patch.dict(os.environ, {"TRESTLE_TEST_KEK": f"2025 {OTHER};2026 {KEY}"}):
            self.check(kek)
        with self.assertRaisesRegex(KEKError, "TRESTLE_TEST_KEK.*is not set"):
            kek.wrap(SECRET, CONTEXT)

    def test_unreadable(self) -> None:
        """What is wrong with the keys is told with the line, and without what may be a key."""
        for text, words in (
            ("", "there is no key"),
            ("# 2025\n", "there is no key"),
            (f"\n{KEY}", r":2: .*got words: 1"),
            (f"{KEY} 2026", r":1: .*does the name stand first"),
            (f"2026 {KEY} {KEY}", r":1: .*got words: 3"),
            (f"2026 {KEY}\n2026 {KEY}", r":2: there is a key 2026"),
            (f"2026 {KEY[:-1]}", "not base64"),
            (f"2026 {KEY[:-4]}", "the key is of 30 bytes, not 32"),
            (f"2026 {KEY[:-4]}====", "not base64"),
            ("2026 MARKER\u00e9", "not base64"),
            (f"2026 {KEY}" * 30_000, "larger than 1 MiB"),
        ):
            self.write(text)
            with self.assertRaisesRegex(KEKError, words, msg=text[:100]) as raised:
                FileKEK(self.path).wrap(SECRET, CONTEXT)
            shown = said(raised.exception)
            self.assertFalse("MARKER" in shown or KEY[:10] in shown, shown)
        self.path.unlink()
        with self.assertRaises(FileNotFoundError):
            FileKEK(self.path).wrap(SECRET, CONTEXT)

    def command(self, behaviour: str, timeout: float = 30.0) -> CommandKEK:
        return CommandKEK(sys.executable, "-c", PROGRAM, behaviour, timeout=timeout)

    def test_command(self) -> None:
        kek = self.command("right")
        name, wrapped = kek.wrap(SECRET, CONTEXT)
        self.assertEqual((name, wrapped), ("k1", SECRET[::-1]))
        self.assertEqual(kek.unwrap(name, wrapped, CONTEXT), SECRET)
        for behaviour, kind, words in (
            ("denied", DeniedError, "not you"),
            ("destroyed", KEKDestroyedError, "gone"),
            ("unknown", UnknownKEKError, "which"),
            ("broken", NotWrappedError, "changed"),
            ("away", RuntimeError, "no route"),
            ("empty", RuntimeError, "no data"),
            ("fall", RuntimeError, "it fell over"),
        ):
            with self.assertRaisesRegex(kind, words) as raised:
                self.command(behaviour).unwrap("k1", SECRET, CONTEXT)
            self.assertNotIn("MARKER", said(raised.exception))
        with self.assertRaisesRegex(RuntimeError, "did not answer within"):
            self.command("slow", 0.3).unwrap("k1", SECRET, CONTEXT)
        with self.assertRaisesRegex(RuntimeError, "trestle-no-such-program"):
            CommandKEK("trestle-no-such-program").wrap(SECRET, CONTEXT)
        with self.assertRaisesRegex(RuntimeError, "no name"):
            self.command("empty").wrap(SECRET, CONTEXT)

    def test_request(self) -> None:
        """The request is a line of JSON with bytes in base64, as Go writes it."""
        path = Path(self.folder.name) / "request"
        program = f"import sys; open({str(path)!r}, 'w').write(sys.stdin.read()); print('{{\"error\": \"no\"}}')"
        with self.assertRaises(RuntimeError):
            CommandKEK(sys.executable, "-c", program).unwrap("k1", b"\x00\xff", b"c")
        line = path.read_text()
        self.assertEqual(line[-1:], "\n")
        self.assertEqual(json.loads(line), {"op": "unwrap", "name": "k1", "data": "AP8=", "context": "Yw=="})
