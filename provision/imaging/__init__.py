"""`provision/image`: makes a Raspberry Pi OS card or image file one device's own."""
