"""Photos and labels: folds, duplicates, decoding, augmentation, batches."""
