"""Recordings in and out: the file format, the recorder, scrubbing and replay."""

from receiver.recordings.format import BadRecording, Recording, from_json, load, read_http, to_json, walk, write_http

__all__ = ["BadRecording", "Recording", "from_json", "load", "read_http", "to_json", "walk", "write_http"]
