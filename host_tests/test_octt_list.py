"""Every case that the OCA's test tool has for charge points of OCPP 1.6 is told."""

import re
from pathlib import Path

CASES = """001 002 003 004_1 004_2 005_1 005_2 005_3 007 008 010 011_1 011_2 012 013 014 015 016 017_1
017_2 018_1 018_2 019 021 023 024 026 027 028 030 031 032_1 032_2 034 036 037_1 037_2 037_3 038 039 040_1
040_2 041 042_1 042_2 043 043_1 043_2 043_3 044_1 044_2 044_3 045_1 045_2 046_1 046_2 047 048_1 048_2
048_3 048_4 049 050_1 050_2 050_3 050_4 051 052 053 054 055 056 057 058_1 058_2 059 060 061 062 066 067
068 069 070 071 072 073 074 075_1 075_2 076 077 078 079 080 081 082 083 084 085 086 087""".split()


def test_there_is_a_story_for_each_case():
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_octt_*.py")]
    told = re.findall(r"def test_tc_(\d{3}(?:_\d)?)_", "\n".join(texts))
    assert sorted(set(told)) == sorted(CASES)
