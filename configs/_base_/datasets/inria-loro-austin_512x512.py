# Trains and validates on four regions, tests on all tiles of the fifth.
_base_ = './inria_512x512.py'
regions = ['chicago', 'kitsap', 'tyrol-w', 'vienna']
train_dataloader = dict(dataset=dict(regions=regions))
val_dataloader = dict(dataset=dict(regions=regions))
test_dataloader = dict(dataset=dict(split='train+val', regions=['austin']))
