// The barrel of @effect-auth/qualys.
export {}
