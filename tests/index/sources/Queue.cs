using System.Collections.Generic;
using static System.Math;
using Files = System.IO.File;

namespace Acme.Tools
{
    public delegate void Changed(object sender);
    public interface IQueue<T> { void Push(T item); }
    public sealed class Queue<T> : IQueue<T>
    {
        private const int Limit = 3;
        public Queue(int size) { }
        public int Count { get; private set; }
        public void Push(T item) { void Local() { } }
        enum State { Open, Closed }
    }
    public record struct Point(int X, int Y);
}
