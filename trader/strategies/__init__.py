"""What do we want? Rules that turn one situation into intents; the gate decides what becomes."""
