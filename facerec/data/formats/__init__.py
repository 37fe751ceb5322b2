"""One file for each format that images, labels and pairs come in."""
