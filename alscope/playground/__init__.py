"""The playground: active learning on points of the plane, small enough to be played.

Pure: configurations in, frozen states out; no widgets, files or clock. Strategies are the engine's
own classes, called through `PoolView` with the inputs they declare.
"""
