//! A row spread to bytes of ones, 16 at a time.

use std::arch::aarch64::*;

use super::super::search::{Block, LANES};

/// `Block::evaluate`.
pub(super) fn evaluate(block: &Block, body: &[u8]) -> u32 {
    let mut passed = block.tail;
    for lane in 0..LANES {
        // SAFETY: NEON is part of every 64-bit ARM that Rust compiles for.
        let sum = unsafe { sum(block.window(lane, body), block.rows[lane]) };
        passed |= u32::from(u64::from(sum) == block.expected[lane]) << lane;
    }
    passed
}

/// XOR of the bytes that the row selects.
#[target_feature(enable = "neon")]
fn sum(window: &[u8; 64], row: u64) -> u8 {
    let bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040_2010_0804_0201));
    let row = vcombine_u8(vcreate_u8(row), vcreate_u8(row));
    let first = vcombine_u8(vdup_n_u8(0), vdup_n_u8(1));
    let two = vdupq_n_u8(2);
    let mut sum = vdupq_n_u8(0);
    let mut bytes = first;
    let (quarters, _) = window.as_chunks::<16>();
    for quarter in quarters {
        let selected = vtstq_u8(vqtbl1q_u8(row, bytes), bits);
        // SAFETY: 16 bytes, of any alignment.
        let quarter = unsafe { vld1q_u8(quarter.as_ptr()) };
        sum = veorq_u8(sum, vandq_u8(quarter, selected));
        bytes = vaddq_u8(bytes, two);
    }
    let sum = vreinterpretq_u64_u8(sum);
    let mut sum = vgetq_lane_u64::<0>(sum) ^ vgetq_lane_u64::<1>(sum);
    sum ^= sum >> 32;
    sum ^= sum >> 16;
    (sum ^ sum >> 8).to_le_bytes()[0]
}
