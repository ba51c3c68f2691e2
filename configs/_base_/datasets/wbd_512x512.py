_base_ = './building_512x512.py'
dataset = dict(type='WBDDataset', data_root='data/WBD')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
# The published results are those of the validation set.
test_dataloader = dict(dataset=dict(split='val', **dataset))
