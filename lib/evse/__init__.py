"""IEC 61851-1 charging: pilot levels, state machine, guard, limits, sessions."""
