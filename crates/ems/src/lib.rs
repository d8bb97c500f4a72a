//! The ISO's side: polls devices, judges what it gets, sends set points
