"""What services need beside their generated events, which are packages of their own.

`trestle_runtime.encryption` has the keys of encrypted fields, `trestle_runtime.kafka` a publisher, and the topic of keys.
"""
