//! The ciphersuite ristretto255-SHA512 of RFC 9497 as `voprf` has it, but for one thing: the base point is multiplied out
//! of a table of its multiples, in a quarter of the time.

#![expect(
    deprecated,
    reason = "voprf 0.5 stands on the generic-array before 1.0"
)]

use std::ops::{Add, Mul};

use curve25519_dalek::{RistrettoPoint, Scalar, constants::RISTRETTO_BASEPOINT_TABLE};
use digest_010::{
    FixedOutput, HashMarker,
    core_api::BlockSizeUser,
    generic_array::{
        GenericArray,
        typenum::{IsLess, IsLessOrEqual, U256},
    },
};
use rand_core_06::{CryptoRng, RngCore};
use subtle::{Choice, ConstantTimeEq};
use voprf::{CipherSuite, Group, InternalError, Ristretto255};
use zeroize::Zeroize;

/// What tokens are made in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Suite;

impl CipherSuite for Suite {
    const ID: &'static str = Ristretto255::ID;

    type Group = Self;

    type Hash = <Ristretto255 as CipherSuite>::Hash;
}

/// An element of the group, and whether it is known to be the base point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    point: RistrettoPoint,
    /// Public: it says which variable this is, not what a secret one holds.
    is_base: bool,
}

impl From<RistrettoPoint> for Element {
    fn from(point: RistrettoPoint) -> Self {
        Self {
            point,
            is_base: false,
        }
    }
}

impl Zeroize for Element {
    fn zeroize(&mut self) {
        self.point.zeroize();
        self.is_base = false;
    }
}

impl ConstantTimeEq for Element {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.point.ct_eq(&other.point)
    }
}

impl Add<&Self> for Element {
    type Output = Self;

    fn add(self, other: &Self) -> Self {
        (self.point + other.point).into()
    }
}

/// Constant time in both, with the table as without.
impl Mul<&Scalar> for Element {
    type Output = Self;

    fn mul(self, scalar: &Scalar) -> Self {
        let product = match self.is_base {
            true => RISTRETTO_BASEPOINT_TABLE * scalar,
            false => self.point * scalar,
        };
        product.into()
    }
}

impl Group for Suite {
    type Elem = Element;
    type ElemLen = <Ristretto255 as Group>::ElemLen;
    type Scalar = Scalar;
    type ScalarLen = <Ristretto255 as Group>::ScalarLen;

    fn base_elem() -> Element {
        Element {
            point: Ristretto255::base_elem(),
            is_base: true,
        }
    }

    fn identity_elem() -> Element {
        Ristretto255::identity_elem().into()
    }

    fn hash_to_curve<H>(input: &[&[u8]], dst: &[&[u8]]) -> Result<Element, InternalError>
    where
        H: BlockSizeUser + Default + FixedOutput + HashMarker,
        H::OutputSize: IsLess<U256> + IsLessOrEqual<H::BlockSize>,
    {
        Ristretto255::hash_to_curve::<H>(input, dst).map(Element::from)
    }

    fn hash_to_scalar<H>(input: &[&[u8]], dst: &[&[u8]]) -> Result<Scalar, InternalError>
    where
        H: BlockSizeUser + Default + FixedOutput + HashMarker,
        H::OutputSize: IsLess<U256> + IsLessOrEqual<H::BlockSize>,
    {
        Ristretto255::hash_to_scalar::<H>(input, dst)
    }

    fn serialize_elem(elem: Element) -> GenericArray<u8, Self::ElemLen> {
        Ristretto255::serialize_elem(elem.point)
    }

    fn deserialize_elem(element_bits: &[u8]) -> voprf::Result<Element> {
        Ristretto255::deserialize_elem(element_bits).map(Element::from)
    }

    fn random_scalar<R: RngCore + CryptoRng>(rng: &mut R) -> Scalar {
        Ristretto255::random_scalar(rng)
    }

    fn invert_scalar(scalar: Scalar) -> Scalar {
        Ristretto255::invert_scalar(scalar)
    }

    fn is_zero_scalar(scalar: Scalar) -> Choice {
        Ristretto255::is_zero_scalar(scalar)
    }

    fn serialize_scalar(scalar: Scalar) -> GenericArray<u8, Self::ScalarLen> {
        Ristretto255::serialize_scalar(scalar)
    }

    fn deserialize_scalar(scalar_bits: &[u8]) -> voprf::Result<Scalar> {
        Ristretto255::deserialize_scalar(scalar_bits)
    }
}
