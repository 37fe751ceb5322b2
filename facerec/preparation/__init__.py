"""What writes a set of images: aligned copies of a folder, packs, and the journal that lets both go on."""
