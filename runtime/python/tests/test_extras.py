from __future__ import annotations

import subprocess
import sys
import unittest


class TestExtras(unittest.TestCase):
    """Each part needs no more than its extra, and says what it lacks."""

    def imported(self, module: str, without: str) -> str:
        program = f"import sys; sys.modules[{without!r}] = None; import {module}"
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False).stderr

    def test_extras(self) -> None:
        self.assertEqual(self.imported("trestle_runtime.kafka", "cryptography"), "")
        self.assertEqual(self.imported("trestle_runtime.encryption", "aiokafka"), "")
        self.assertIn(
            "install trestle-runtime with its extra kafka", self.imported("trestle_runtime.kafka", "aiokafka")
        )
        said = self.imported("trestle_runtime.encryption", "cryptography")
        self.assertIn("install trestle-runtime with its extra encryption", said)
