# Trains and validates on four regions and tests on all tiles of the fifth,
# here Austin. To leave out another, such as Vienna:
# --cfg-options train_dataloader.dataset.regions=austin,chicago,kitsap,tyrol-w
#     val_dataloader.dataset.regions=austin,chicago,kitsap,tyrol-w
#     test_dataloader.dataset.regions=[vienna]
_base_ = './inria_512x512.py'
regions = ['chicago', 'kitsap', 'tyrol-w', 'vienna']
train_dataloader = dict(dataset=dict(regions=regions))
val_dataloader = dict(dataset=dict(regions=regions))
test_dataloader = dict(dataset=dict(split='train+val', regions=['austin']))
