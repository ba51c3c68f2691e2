_base_ = './unet_convnext-atto_1xb8-600_whu-128x128.py'
dataset = dict(data_root='data/sample_city/whu')
train_dataloader = dict(dataset=dataset)
val_dataloader = dict(dataset=dataset)
test_dataloader = dict(dataset=dataset)
