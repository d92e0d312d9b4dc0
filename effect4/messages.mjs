/** Words of the compiler that type tests state, and that name types of Effect 4 there. */
export const messages = [
  {
    before: "is missing the following properties from type 'TokenEndpointError': message, [TypeId], mode, " +
      "[Effect.EffectTypeId], and 8 more.",
    after: "is missing the following properties from type 'TokenEndpointError': [TypeId], mode"
  },
  { before: "Type 'RequestError' is missing", after: "Type 'HttpClientError' is missing" },
  { before: "Type 'Left<InvalidSetting, Bearer>'", after: "Type 'Success<Bearer, InvalidSetting>'" }
]
