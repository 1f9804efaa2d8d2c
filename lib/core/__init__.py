"""Clock, log, settings, storage, tasks: what every other room stands on."""
