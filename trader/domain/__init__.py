"""What do we talk about? The values that flow, and the arithmetic every part must agree on."""
