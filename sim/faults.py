"""The faults that the bench can put into a board or its surroundings."""

NAMES = (
    "welded_contactor",
    "contactor_fails_to_close",
    "cp_short",
    "diode_short",
    "pe_open",
    "pp_open",
    "rcm_trip",
    "rcm_test_fails",
    "lock_jams",
    "meter_silent",
    "meter_corrupt",
    "dlb_meter_silent",
    "reader_silent",
)
