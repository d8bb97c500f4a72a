//! Our master against outstations that others wrote.
