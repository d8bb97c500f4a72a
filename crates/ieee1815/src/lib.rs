//! DNP3 (IEEE 1815) sans-I/O: link, transport, application, outstation and master
