//! The officers' portal: who gets which page, and a real browser that does what officers do.

mod accounts;
mod entrance;
mod own_account;
mod routes;
