//! Between the version of `rand_core` that `voprf` speaks and today's `rand`.

use rand::CryptoRng;
use rand_core_06::{self as rand_core};

/// Lets `voprf` (rand_core 0.6) draw from a generator of today's `rand`.
pub(super) struct Bridge<'a, R>(pub(super) &'a mut R);

impl<R: CryptoRng> rand_core::RngCore for Bridge<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill_bytes(dest);
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), rand_core::Error> {
        self.0.fill_bytes(dest);
        Ok(())
    }
}

impl<R: CryptoRng> rand_core::CryptoRng for Bridge<'_, R> {}
