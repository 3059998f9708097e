//! The officers' portal: who gets which page, and a real browser that does what officers do.

mod accounts;
mod audit;
mod codes;
mod entrance;
mod figures;
mod lists;
mod own_account;
mod reports;
mod rights;
mod routes;
mod staff;
