"""Scores of predicted buildings."""

from mmseg_cube.evaluation.building_metric import BuildingMetric

__all__ = ['BuildingMetric']
