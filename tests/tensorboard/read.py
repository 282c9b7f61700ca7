"""Reads the event files of a folder as TensorBoard does, by both of its loaders, and prints what they hold as JSON."""

import json
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util


def png_size(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
    return list(struct.unpack(">II", png[16:24]))


def old(folder):
    """The loader that gives numbers and pictures as they were written."""
    loaded = event_accumulator.EventAccumulator(folder, {"scalars": 0, "images": 0, "tensors": 0}).Reload()
    scalars = {tag: [[e.step, e.value] for e in loaded.Scalars(tag)] for tag in loaded.Tags()["scalars"]}
    pictures = {
        tag: [[e.step, [e.width, e.height], png_size(e.encoded_image_string)] for e in loaded.Images(tag)]
        for tag in loaded.Tags()["images"]
    }
    return {"scalars": scalars, "pictures": pictures}


def new(folder):
    """The loader behind the pages of TensorBoard: everything is a tensor of a plugin."""
    loaded = plugin_event_accumulator.EventAccumulator(folder, tensor_size_guidance={"scalars": 0, "images": 0}).Reload()
    scalars, pictures = {}, {}
    for tag in loaded.Tags()["tensors"]:
        plugin = loaded.SummaryMetadata(tag).plugin_data.plugin_name
        values = [(e.step, tensor_util.make_ndarray(e.tensor_proto)) for e in loaded.Tensors(tag)]
        if plugin == "scalars":
            scalars[tag] = [[step, float(value)] for step, value in values]
        elif plugin == "images":
            pictures[tag] = [[step, [int(v[0]), int(v[1])], png_size(v[2])] for step, v in values]
    return {"scalars": scalars, "pictures": pictures}


# Not every number of a training is finite, and JSON knows no such one.
json.dump({"old": old(sys.argv[1]), "new": new(sys.argv[1])}, sys.stdout, allow_nan=False)
