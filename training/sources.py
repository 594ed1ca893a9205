"""The packages of icons that the map is made from: pinned by version and SHA-256, fetched with `npm pack`.

The favicons that `bench/accuracy.py` takes from a Debian package are not among them, nor is any icon of a
phishing page or of a collection that the results are checked on.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Kind = Literal["brands", "lines", "coins", "signs", "svg", "font"]


@dataclass(frozen=True, slots=True)
class Source:
    """One package: what its names stand for, and how many of its icons are taken."""

    package: str
    version: str
    sha256: str
    kind: Kind
    """Signs are pictures of things: no name is shared with another package's."""
    share: float = 1.0
    """Of its icons, chosen by their names."""
    prefix: str = ""
    """Of the names that are brands, where others are not."""

    def file(self, cache: Path) -> Path:
        return cache / f"{self.package.lstrip('@').replace('/', '-')}-{self.version}.tgz"


SOURCES: Final = (
    Source(
        "@iconify-json/simple-icons",
        "1.2.102",
        "b3e23d3c623db2383b57cbed3d18b8e7e23f2ebc0bfc41ab054b82aba90f4c78",
        "brands",
    ),
    Source(
        "@iconify-json/logos",
        "1.2.19",
        "1e8907c088bbf02eab8ee1b28f37e68ef22c380f2fb579ff99736b8ce5abf13a",
        "brands",
    ),
    Source(
        "@iconify-json/devicon",
        "1.2.68",
        "5b5469af72fbe9aecb3b3c941931af967d0901a8deeff7c48ff4a3f0af2dde0c",
        "brands",
    ),
    Source(
        "@iconify-json/devicon-plain",
        "1.2.57",
        "d54aa2bf9cfa10a9f04530ee178f83434032999ef27468a2809f0efe05059a2a",
        "brands",
    ),
    Source(
        "@iconify-json/skill-icons",
        "1.2.4",
        "98bdbeed5290e48e87d206aa764e79db853cf16b192711a178c5b0fa963c8116",
        "brands",
    ),
    Source(
        "@iconify-json/vscode-icons",
        "1.2.97",
        "fd5676cb1891b527a32502a58e738139e329a0529e36c39dfd09503f2e6faa3c",
        "brands",
    ),
    Source(
        "@iconify-json/material-icon-theme",
        "1.2.70",
        "311f01d2090c3fc9c2d02f2cf20e794b5674ea65712ecfec0d6d464d9e7227d0",
        "brands",
    ),
    Source(
        "@iconify-json/file-icons",
        "1.2.2",
        "aec0af50463dc5c11fc33bef89b7665d8cf39f0af03006ddc832aea0e0b637c2",
        "brands",
    ),
    Source(
        "@iconify-json/fa7-brands",
        "1.2.4",
        "74351f10b340cf177369363ba2fd7eaed6aea7c3c6b6a2bd8849382cd8dd6198",
        "brands",
    ),
    Source(
        "@iconify-json/bxl",
        "1.2.4",
        "d4216d9156f484a3ca8ecc6478dfb567d63142e2246db6629a5855842b0b442d",
        "brands",
    ),
    Source(
        "@iconify-json/cib",
        "1.2.3",
        "0d6efc2ec141f4b23422134a59a092a2e7e9f1fc7ecb08b81986159a5b868ac4",
        "brands",
    ),
    Source(
        "@iconify-json/cbi",
        "1.2.59",
        "e3e186895a03b68041bb12a3810876bce2e3291862da29c6d046d87d849a56d0",
        "brands",
    ),
    Source(
        "@iconify-json/streamline-logos",
        "1.2.0",
        "8d933e2ab3a0788639391b98438fd182aad72922d6ce57d502a8ddb8a0cc6eb8",
        "brands",
    ),
    Source(
        "@iconify-json/unjs",
        "1.2.4",
        "cb3cee320d5be1e5e78ef22a6135390e73667e4c6bee276cd9ff8ea4bec07089",
        "brands",
    ),
    Source(
        "@iconify-json/entypo-social",
        "1.2.3",
        "cffd69d3015770796cc9b80f38fb34fd517cffa763febc624d25cf58349f3174",
        "brands",
    ),
    Source(
        "@iconify-json/mage",
        "1.2.4",
        "fc44d6d9eb52de8e344a799783b34936d1b78ae5bf66a4b06a91ee736b5a7e60",
        "brands",
    ),
    Source(
        "@iconify-json/tabler",
        "1.2.41",
        "3bf99af156d28d05568aff524a35ed1ba238df640a7835a5e02e1f8e439685f6",
        "brands",
        prefix="brand-",
    ),
    Source(
        "@iconify-json/arcticons",
        "1.2.58",
        "18e58aba1f8610673616c1ae80c7385366b098037573ffee74d7dfa2334da9d1",
        "lines",
        share=0.5,
    ),
    Source(
        "@iconify-json/cryptocurrency",
        "1.2.3",
        "f6872a1c8846ede75fc34e6426198fb0301890d1dbda866367a9cef855afd2f5",
        "coins",
    ),
    Source(
        "@iconify-json/cryptocurrency-color",
        "1.2.4",
        "9458176ac1d49bf6d96aa21f0fdaf2ece2219255f15e33136523c88d71fbfb91",
        "coins",
    ),
    Source(
        "@iconify-json/token",
        "1.2.40",
        "9ca49435c58f190e6f06ddc8c68e493b273b4b8c87501c1e3590f9ea4708af3a",
        "coins",
    ),
    Source(
        "@iconify-json/token-branded",
        "1.2.45",
        "33c1d5fb24d52d2015158bb09b7b884724e4f736bd9b217675c09290f47d7305",
        "coins",
    ),
    Source(
        "@iconify-json/openmoji",
        "1.2.29",
        "03181e2c156cab35cf4a62f1f7886bd971d59212e75ac3f189d5a4cae3930fc5",
        "signs",
        share=0.3,
    ),
    Source(
        "@iconify-json/noto",
        "1.2.9",
        "3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad",
        "signs",
        share=0.3,
    ),
    Source(
        "@iconify-json/mdi",
        "1.2.3",
        "ddd817a7213f91de51147943915c0cda8c8b818a53c92b5c068cfa9883c6d7ac",
        "signs",
        share=0.15,
    ),
    Source(
        "@iconify-json/game-icons",
        "1.2.4",
        "f5758efb34d91c4f50b941f355f16ee73938625e5996fabc25171288404460a4",
        "signs",
        share=0.3,
    ),
    Source(
        "@iconify-json/ph",
        "1.2.2",
        "e3a582a047d9829fc7e8842c660d8065e598d1b68bb58cb68e75a1f1e5a614cc",
        "signs",
        share=0.1,
    ),
    Source(
        "@iconify-json/fluent-color",
        "1.2.21",
        "fa2ddaaac7a2a7b902659cea1b5b8c03017ce2ae56295138876b86a36177dfbe",
        "signs",
        share=0.5,
    ),
    Source(
        "@iconify-json/flat-color-icons",
        "1.2.3",
        "d8878a9b0f02d749bc8671eb7d47882eb711185cbcefbb365cbfb488773c4786",
        "signs",
    ),
    Source(
        "@iconify-json/circle-flags",
        "1.2.11",
        "ee9a03f6a6fdd79cc6325bdcb7bb93b83d331e60b16e226188f154a64b6bb4a9",
        "signs",
    ),
    Source(
        "@lobehub/icons-static-svg",
        "1.95.1",
        "fc2a063f9c5db18f6b3f27a62670c95a9e767cc45ba7bbe5d949f9f9af090fc3",
        "svg",
    ),
    Source(
        "super-tiny-icons", "0.6.0", "ef73c510abd3bd934e2c98cae2f6b9fcd8d04435fa2b9715435009b48bd51fcf", "svg"
    ),
    Source(
        "@expo-google-fonts/bebas-neue",
        "0.4.1",
        "a4f04895fbabc48ba3a0cff976bb8b9ba2078cf48dd0b63a73fc538e7e6326a0",
        "font",
    ),
    Source(
        "@expo-google-fonts/comfortaa",
        "0.4.2",
        "1c50ab7ef7635d3e4c5e8133a61d95e2aba58dd62374ad2fcf817506d830466d",
        "font",
    ),
    Source(
        "@expo-google-fonts/inter",
        "0.4.2",
        "b5c1e5878c07a5637169da9f7b1f370c69709f1f8de55998e2522f7aa9dfe2a9",
        "font",
    ),
    Source(
        "@expo-google-fonts/merriweather",
        "0.4.2",
        "4a2b090c3b585f0257bc3f8d362151e90a4975f420899e2db058ae89a9d691d3",
        "font",
    ),
    Source(
        "@expo-google-fonts/nunito",
        "0.4.2",
        "0587c2bb273575fcd9238db5ea4405a65cb4f7ae8fcadfbef059c1b16ef8e773",
        "font",
    ),
    Source(
        "@expo-google-fonts/oswald",
        "0.4.2",
        "0cc1d71781b4a5c6c0e6f8b346a71e3f898529e5343ffe34911f98232af2e78c",
        "font",
    ),
    Source(
        "@expo-google-fonts/playfair-display",
        "0.4.2",
        "32881439ce695ae85d7d949d4645825a5cb6bac0d464d0ffa09126c922e44e52",
        "font",
    ),
    Source(
        "@expo-google-fonts/pt-serif",
        "0.4.1",
        "e389c34deddccd1db2ee8fb320bd301155a7820301240bf6e195e46b374a85f2",
        "font",
    ),
    Source(
        "@expo-google-fonts/roboto",
        "0.4.3",
        "d5fabe7f5e706dc3c6b4e39687c5a45f1b25975dd689d8d850a97f41a00fa85f",
        "font",
    ),
)


def fetch(cache: Path) -> list[Path]:
    """Bring every package into `cache`; their files. Raises RuntimeError if one cannot be had as pinned."""
    cache.mkdir(parents=True, exist_ok=True)
    npm = shutil.which("npm")
    for source in SOURCES:
        file = source.file(cache)
        if not file.exists() and npm is not None:
            command = [npm, "pack", "--silent", f"{source.package}@{source.version}"]
            subprocess.run(command, cwd=cache, check=False, capture_output=True, timeout=600)
        if not file.exists():
            raise RuntimeError(f"{source.package} {source.version} is missing: npm pack it into {cache}.")
        if hashlib.sha256(file.read_bytes()).hexdigest() != source.sha256:
            raise RuntimeError(f"{file} is not the file that was trained on; delete it and fetch it again.")
    return [source.file(cache) for source in SOURCES]
