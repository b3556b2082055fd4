import { useState } from "react";

type Props = { size: number };
export function View({ size }: Props) {
  const [open, setOpen] = useState(false);
  return <div onClick={() => setOpen(!open)}>{size}</div>;
}
export const Memo = React.memo(View);
