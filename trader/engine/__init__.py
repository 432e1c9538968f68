"""What happens? One synchronous step from an input to its outcome, the same live and replayed."""
