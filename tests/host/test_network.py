"""The kernel's word that the network has changed, in a network of the test's own."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys

import pytest

from edge.host.network import Network

IN_A_NETWORK_OF_ITS_OWN = """
import asyncio, subprocess
from edge.host.network import Network

async def main():
    told = asyncio.Event()
    network = Network(told.set)
    network.open()
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    await asyncio.wait_for(told.wait(), 5)
    network.close()
    print("told")

asyncio.run(main())
"""


def _own_network(code: str) -> subprocess.CompletedProcess[str]:
    command = ["unshare", "--net", sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def test_a_network_that_comes_up_is_noticed() -> None:
    """In a network namespace, whose only interface is down at first."""
    if not (shutil.which("unshare") and shutil.which("ip")) or _own_network("pass").returncode:
        pytest.skip("NO NETWORK NAMESPACES HERE: the noticing of network changes is not tested")
    assert _own_network(IN_A_NETWORK_OF_ITS_OWN).stdout == "told\n"


def test_where_nothing_happens_nothing_is_told() -> None:
    """And closing twice is closing once."""

    async def main() -> list[str]:
        told: list[str] = []
        network = Network(lambda: told.append("changed"))
        network.open()
        await asyncio.sleep(0.05)
        network.close()
        network.close()
        return told

    assert asyncio.run(main()) == []


@pytest.mark.parametrize("how", ["another system", "a sandbox"])
def test_without_netlink_the_device_works_all_the_same(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One only has to wait for the next attempt."""
    if how == "a sandbox":
        monkeypatch.setattr("socket.AF_NETLINK", 999)  # socket() then fails as under RestrictAddressFamilies=
    else:
        monkeypatch.delattr("socket.AF_NETLINK")

    async def main() -> None:
        network = Network(lambda: None)
        network.open()
        network.close()

    asyncio.run(main())
