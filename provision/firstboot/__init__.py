"""The first boot of a card that provision/image has prepared. Standard library only; it lies beside the updater."""
