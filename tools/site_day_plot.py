"""Draws a day at a group of chargers as SVG: the group's current above, each charger's below."""

from collections.abc import Iterator

from tools.site_day_cars import DAY_S, RATING_A, Places

WIDTH, LEFT, RIGHT, TOP = 960, 64, 28, 64
CHART_HEIGHT, ROW_HEIGHT, GAP = 220, 16, 44
FROM_H, TO_H = 5, 22
SHADES = 8
_STYLE = """text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1c2733}
.h{font-weight:700;font-size:16px}.s{fill:#51606f}.e{text-anchor:end}.m{text-anchor:middle}
.grid{stroke:#e3e8ee}.flow{fill:#9cc2ea;stroke:#2f6fb3;stroke-width:1}
.best{fill:none;stroke:#c2602c;stroke-width:1.6;stroke-dasharray:5 3}
.limit{stroke:#b13c3c;stroke-width:1.6}.here{fill:#e9edf2}.on{fill:#2f6fb3}"""


def _x(at_s: float) -> float:
    hours = min(max(at_s / 3600, FROM_H), TO_H)
    return round(LEFT + (hours - FROM_H) / (TO_H - FROM_H) * (WIDTH - LEFT - RIGHT), 1)


class Plot:
    """flows_a: of each charger the means of equal parts of the day; slots: the optimum's (from_s, to_s, A)."""

    def __init__(self, title: str, places: Places, limit_a: float) -> None:
        self.title = title
        self.places = places
        self.limit_a = limit_a
        self._top_a = limit_a * 1.15
        self._rows_top = TOP + CHART_HEIGHT + GAP
        self.height = self._rows_top + ROW_HEIGHT * len(places) + 34

    def svg(
        self, flows_a: list[list[float]], slots: list[tuple[int, int, float]], note: str
    ) -> str:
        """The picture; `note` goes below its title."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height}" '
            f'width="{WIDTH}" height="{self.height}" role="img" aria-labelledby="t d">\n'
            f'<title id="t">{self.title}</title>\n<desc id="d">{note}</desc>\n'
            f"<style>{_STYLE}</style>\n"
            f'<rect width="{WIDTH}" height="{self.height}" fill="#fff"/>\n'
            f'<text class="h" x="{LEFT}" y="22">{self.title}</text>\n'
            f'<text class="s" x="{LEFT}" y="42">{note}</text>\n'
        )
        parts = [*self._grid(), self._flow(flows_a), self._best(slots), *self._legend()]
        for index, flow_a in enumerate(flows_a):
            parts += self._row(index, flow_a)
        return head + "\n".join(parts) + "\n</svg>\n"

    def _y(self, current_a: float) -> float:
        return round(TOP + CHART_HEIGHT * (1 - current_a / self._top_a), 1)

    def _grid(self) -> Iterator[str]:
        bottom = self._rows_top + ROW_HEIGHT * len(self.places)
        for hour in range(FROM_H, TO_H + 1):
            x = _x(hour * 3600)
            yield f'<path class="grid" d="M{x} {TOP}V{bottom}"/>'
            yield f'<text class="s m" x="{x}" y="{bottom + 18}">{hour}:00</text>'
        step_a = max(10, round(self.limit_a / 50) * 10)
        for current_a in range(0, int(self._top_a) + 1, step_a):
            y = self._y(current_a)
            yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
            yield f'<text class="s e" x="{LEFT - 8}" y="{y + 4}">{current_a} A</text>'

    def _flow(self, flows_a: list[list[float]]) -> str:
        sums_a = [sum(parts) for parts in zip(*flows_a)]
        part_s = DAY_S / len(sums_a)
        path = f"M{_x(0)} {self._y(0)}"
        for index, current_a in enumerate(sums_a):
            if FROM_H * 3600 <= index * part_s < TO_H * 3600:
                path += f"H{_x(index * part_s)}V{self._y(current_a)}"
        return f'<path class="flow" d="{path}H{_x(DAY_S)}V{self._y(0)}Z"/>'

    def _best(self, slots: list[tuple[int, int, float]]) -> str:
        path = f"M{_x(0)} {self._y(0)}"
        for from_s, to_s, current_a in slots:
            path += f"H{_x(from_s)}V{self._y(current_a)}H{_x(to_s)}"
        return f'<path class="best" d="{path}V{self._y(0)}"/>'

    def _legend(self) -> Iterator[str]:
        y = self._y(self.limit_a)
        yield f'<path class="limit" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        y = TOP + CHART_HEIGHT + 24
        flow = '<rect class="flow" x="{x}" y="{up}" width="22" height="10"/>'
        here, on = flow.replace("flow", "here"), flow.replace("flow", "on")
        limit = '<path class="limit" d="M{x} {middle}h22"/>'
        marks = (
            (0, flow, "the group"),
            (110, limit, f"its limit, {self.limit_a:.1f} A"),
            (265, limit.replace("limit", "best"), "the optimum, which knows the day beforehand"),
            (595, here, "a car is there"),
            (715, on, "and charges at 32 A"),
        )
        for at, mark, text in marks:
            yield mark.format(x=LEFT + at, up=y - 9, middle=y - 4)
            yield f'<text class="s" x="{LEFT + at + 28}" y="{y}">{text}</text>'

    def _row(self, index: int, flow_a: list[float]) -> Iterator[str]:
        y = self._rows_top + index * ROW_HEIGHT
        yield f'<text class="s e" x="{LEFT - 8}" y="{y + 12}">{index + 1}</text>'
        for visit in self.places[index]:
            x = _x(visit.from_s)
            width = round(_x(visit.to_s) - x, 1)
            yield f'<rect class="here" x="{x}" y="{y + 2}" width="{width}" height="{ROW_HEIGHT - 4}"/>'
        part_s = DAY_S / len(flow_a)
        shades = [round(current_a / RATING_A * SHADES) for current_a in flow_a]
        start = 0
        for place in range(1, len(shades) + 1):
            if place == len(shades) or shades[place] != shades[start]:
                if shades[start]:
                    x = _x(start * part_s)
                    width = round(_x(place * part_s) - x, 1)
                    yield (
                        f'<rect class="on" opacity="{shades[start] / SHADES}" x="{x}" y="{y + 2}" '
                        f'width="{width}" height="{ROW_HEIGHT - 4}"/>'
                    )
                start = place
