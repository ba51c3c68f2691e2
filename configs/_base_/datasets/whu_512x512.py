_base_ = './building_512x512.py'
dataset = dict(type='WHUBuildingDataset', data_root='data/WHU')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
