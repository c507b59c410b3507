"""The worker process and the models that run in it. The daemon imports nothing from here."""
