"""Databases of onset-apex flow images: u, v and strain as the three channels of one small picture a clip.

People trade MEGC2019 in this form, because its frames are licensed and these show nobody. `load` reads a
folder, a zip archive or an npz file of them; no frames and no landmarks are needed.
"""

from data_prep.flow_images.loader import FlowDatabase, load
from data_prep.flow_images.prepared import FlowPlan, plan_flow_images, prepared_flow_images
from data_prep.flow_images.report import FlowReport, report

__all__ = [
    "FlowDatabase",
    "FlowPlan",
    "FlowReport",
    "load",
    "plan_flow_images",
    "prepared_flow_images",
    "report",
]
