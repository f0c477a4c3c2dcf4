/** The login of pushes to the local stack. On AWS, Secrets Manager generates the password. */
export const LOCAL_PUSH_LOGIN = {
  username: 'ca',
  password: 'pushed+from%afar',
  pathSecret: 'only-on-this-machine_0123456789abcdef',
};
