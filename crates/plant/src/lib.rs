//! A simulator of a hybrid plant on measured weather, served as Modbus and SunSpec devices
