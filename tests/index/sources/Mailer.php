<?php
namespace App\Mail;

use App\Models\User;
use Psr\{Log\LoggerInterface, Http\Message as M};
require_once __DIR__ . '/boot.php';

const LIMIT = 3;

interface Sender { public function send(User $user): bool; }
trait Queues { }
enum Level: string { case High = 'h'; }
abstract class Mailer implements Sender
{
    const RETRIES = 2;
    private $queue;

    public static function make(): static { return new static(); }
}
function deliver(Mailer $mailer) { $local = 1; }
