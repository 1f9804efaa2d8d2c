"""The radio around a board: networks in reach, its hotspot and who has joined it."""

from sim.registers import Registers
from sim.shim import registers as layout

# As `network` numbers them.
SECURITIES = ("None", "WEP", "WPA-PSK", "WPA2-PSK", "WPA-PSK+WPA2-PSK")
MOST_NETWORKS = layout.MOST_NETWORKS
MOST_GUESTS = 10
# What a new board finds in the air.
NEIGHBOURHOOD = (
    {"ssid": "Workshop", "rssi_dbm": -48, "security": "WPA2-PSK", "password": "open-sesame"},
    {"ssid": "Garage", "rssi_dbm": -57, "security": "WPA-PSK+WPA2-PSK", "password": "four wheels"},
    {"ssid": "Guests", "rssi_dbm": -66, "security": "None", "password": ""},
    {"ssid": "Attic", "rssi_dbm": -79, "security": "WPA-PSK", "password": "cobwebs99"},
    {"ssid": "Old router", "rssi_dbm": -85, "security": "WEP", "password": "thirteen-char"},
    {
        "ssid": "Café Zürich",
        "rssi_dbm": -91,
        "security": "WPA2-PSK",
        "password": "grüezi mitenand",
    },
)


class Radio:
    """What the radio's registers say, for people; the world's side of sim.shim.network."""

    def __init__(self, registers: Registers) -> None:
        self._registers = registers
        self._networks: list[dict] = []
        self.reset_inputs()

    def reset_inputs(self) -> None:
        """Networks in reach as for a new board, nobody on its hotspot."""
        self.networks = list(NEIGHBOURHOOD)
        self.guests = 0

    def reset_outputs(self) -> None:
        """Switch it off, as a chip in reset does."""
        for index in range(layout.RADIO0, layout.RADIO_END):
            self._registers[index] = 0

    @property
    def networks(self) -> list[dict]:
        """The networks in reach: ssid, rssi_dbm, security, password."""
        return self._networks

    @networks.setter
    def networks(self, networks: list[dict]) -> None:
        registers = self._registers
        registers[layout.NETWORKS] = 0
        for index, network in enumerate(networks):
            first = layout.NETWORK0 + index * layout.NETWORK_WORDS
            registers[first + layout.NETWORK_DBM] = -network["rssi_dbm"]
            registers[first + layout.NETWORK_SECURITY] = SECURITIES.index(network["security"])
            registers[first + layout.NETWORK_CHANNEL] = 1 + index * 5 % 13
            self._put(first + layout.NETWORK_SSID, layout.SSID_WORDS, network["ssid"])
            self._put(first + layout.NETWORK_KEY, layout.KEY_WORDS, network["password"])
        registers[layout.NETWORKS] = len(networks)
        self._networks = networks

    @property
    def guests(self) -> int:
        """How many devices have joined the hotspot."""
        return self._registers[layout.HOTSPOT_GUESTS]

    @guests.setter
    def guests(self, count: int) -> None:
        self._registers[layout.HOTSPOT_GUESTS] = count

    def hotspot(self) -> dict:
        """What a phone sees of the hotspot, and the password that it lets in."""
        registers = self._registers
        on = bool(registers[layout.HOTSPOT_ON])
        return {
            "on": on,
            "ssid": registers.text(layout.TEXT_HOTSPOT_SSID, layout.SSID_WORDS) if on else "",
            "hidden": bool(registers[layout.HOTSPOT_HIDDEN]),
            "security": SECURITIES[registers[layout.HOTSPOT_SECURITY]],
            "password": registers.text(layout.TEXT_HOTSPOT_KEY, layout.KEY_WORDS) if on else "",
            "guests": self.guests,
        }

    def joined(self) -> str:
        """SSID of the network that the board is told to be in; empty without one."""
        registers = self._registers
        number = registers[layout.STATION_NETWORK]
        if not registers[layout.STATION_WANTS] or registers[layout.STATION_REASON] or not number:
            return ""
        return registers.text(
            layout.NETWORK0 + (number - 1) * layout.NETWORK_WORDS + layout.NETWORK_SSID,
            layout.SSID_WORDS,
        )

    def _put(self, index: int, words: int, text: str) -> None:
        raw = text.encode()[: 4 * words - 1].ljust(4 * words, b"\0")
        self._registers.bytes[4 * index : 4 * (index + words)] = raw
