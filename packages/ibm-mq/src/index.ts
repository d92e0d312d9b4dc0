// The barrel of @effect-auth/ibm-mq.
export {}
