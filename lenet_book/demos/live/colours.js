// Matplotlib's PuOr_r in 256 steps, from violet over white to orange: red, green and blue of each.
const BYTES =
  "LQBLLwJNMANQMgVSMwZVNQhXNglZOAtcOQxeOw5hPA9jPhFlPxJoQRRqQhVsRBdvRRhxRxp0SRx2Sh14TB97TSB9" +
  "TyKAUCOCUiWEUyaHVSiJVyuKWC6MWjGNXDSOXTeQXzqRYT2TY0CUZEOVZkaXaEmYakyaa0+bbVKcb1WecFifcluh" +
  "dF6idmGkd2SleWeme2qofW2pfnCrgHOsgnWthHevhnqwiHyyin6zjIC1joK2kIW4koe5lIm7lou8mI2+mZC/m5LB" +
  "nZTCn5bEoZjFo5vHpZ3Ip5/KqaHLq6PNrabOr6jQsarRs6zStK7TtrDUt7HVubPWurXXvLfYvbnZv7vawL3bwr7c" +
  "w8DdxcLexsTfyMbgycjhy8nizMvjzs3kz8/l0dHm0tPn1NTo1dbp19jq2Nrr2dvr2tzs3N3s3d/t3uDt3+Hu4eLu" +
  "4uPv4+Tv5OXw5efw5+jx6Onx6ery6uvy6+zz7e3z7u7z7/D08PH08vL18/P19PT29fX29vb39/f29/bz+PXx+PTu" +
  "+PPs+fLp+fHm+fDk+e/h+u7f+u7c+u3a+uzX++vV++rS++nP/OjN/OfK/ObI/OXF/eXD/eTA/eO+/eK7/uG5/uC2" +
  "/t6z/t2v/tus/tqp/tim/tei/tWf/tOc/tKZ/tCV/s+S/s2P/cyM/cqI/ciF/ceC/cV//cR7/cJ4/cF1/b9y/b1u" +
  "/bxr/bpo/bll/Ldh+7Ve+rNb+bFY+K5V96xS9qpP9KhM86ZJ8qRG8aJC8KA/75487ps57Zk265cz6pUw6ZMt6JEq" +
  "548n5o0j5Yog44gd4oYa4YQX4IIU3oAT3H8T230S2XsS13oR1XgR1HYQ0nUQ0HMPznIPzXAOy24NyW0Nx2sMxmkM" +
  "xGgLwmYLwGQKvmMKvWEJu18IuV4It1wHtloHtFkGslcGsFYGrlUGrFQGqlMGqFIGplEHpE8Hok4HoE0HnkwHnEsH" +
  "mkoHl0kHlUgHk0YHkUUHj0QHjUMHi0IIiUEIh0AIhT4Igz0IgTwIfzsI";
export const SIGNED = Uint8Array.from(atob(BYTES), (byte) => byte.charCodeAt(0));
