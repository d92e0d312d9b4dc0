// The barrel of @effect-auth/node.
export {}
